import { history } from './history.ts'
import { ping } from './ping.ts'
import { presence } from './presence.ts'
import { publish } from './publish.ts'
import { refresh } from './refresh.ts'
import { resume } from './resume.ts'
import { subscribe } from './subscribe.ts'
import { unsubscribe } from './unsubscribe.ts'

/** One verb for each frame that a client may send. A verb that throws a RoomcastError is answered with an error frame. */
export const verbs = { subscribe, unsubscribe, publish, presence, history, resume, refresh, ping } as const
