// Lets `node --import` take TypeScript, as tests and the programs among them do. Types are the business of `npm run types`.
import { register } from 'node:module'

register('./typescript-hooks.mjs', import.meta.url)
