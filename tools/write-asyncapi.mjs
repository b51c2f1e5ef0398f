// Writes docs/asyncapi.json from the schemas of the frames, as they were built. A test says when this has to be run again.
import { writeFileSync } from 'node:fs'
import { asyncapi } from '../dist/src/core/asyncapi.js'
import { version } from '../dist/src/version.js'

writeFileSync(new URL('../docs/asyncapi.json', import.meta.url), `${JSON.stringify(asyncapi({ version, path: '/ws' }), null, 2)}\n`)
