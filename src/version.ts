import { createRequire } from 'node:module'

/** The version of Roomcast that runs, as its package names it. The package finds itself by name, from the sources and from what was built. */
export const { version } = createRequire(import.meta.url)('roomcast/package.json') as { version: string }
