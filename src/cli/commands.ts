import type { Command } from './command.ts'
import { presence } from './presence.ts'
import { publish } from './publish.ts'
import { serve } from './serve.ts'
import { tail } from './tail.ts'
import { token } from './token.ts'

export const commands: readonly Command[] = [serve, token, publish, presence, tail]

/** What `roomcast --help` prints. */
export const HELP = `Roomcast: authenticated WebSocket clients in rooms, backends that push to them, and who is online.

  roomcast [COMMAND] [options]

${commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join('\n')}
  help       explain a command: roomcast help publish

  --help     this, or behind a command its help
  --version  the version

All commands read the settings of the server: environment variables, and .env in this folder. Where they hold no secret and no
API key, they use the development credentials that a server started in this folder keeps there.

Try it, in three terminals:

  roomcast
  roomcast tail lobby
  roomcast publish lobby '"hello"'

Exit codes: 0 done; 1 it failed, was refused, or a setting is wrong; 2 it was called wrongly. stderr says why in one sentence.
`
