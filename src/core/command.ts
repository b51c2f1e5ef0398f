import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { OrderedCodeSchema } from './ordered-close.ts'
import { RevocationSchema } from './revocations.ts'

/** A revocation that was made. */
const RevokeSchema = Type.Object({ type: Type.Literal('revoke'), revocation: RevocationSchema })

/** Connections that give way to a newer one of their user. */
const ReplaceSchema = Type.Object({ type: Type.Literal('replace'), connectionIds: Type.Array(Type.String()) })

/** Whom a disconnect is about: one connection, or those that a user had at that moment, but for one that may be left out. */
const DisconnectedSchema = Type.Union([
  Type.Object({ connectionId: Type.String() }),
  Type.Object({ userId: Type.String(), except: Type.Optional(Type.String()) })
])

const DisconnectSchema = Type.Object({
  type: Type.Literal('disconnect'), whom: DisconnectedSchema, close: Type.Object({ code: OrderedCodeSchema, reason: Type.String() })
})

/** A room into which, or out of which, the connections go that a user had at that moment. */
const MembershipSchema = Type.Object({
  type: Type.Union([Type.Literal('subscribe'), Type.Literal('unsubscribe')]), userId: Type.String(), room: Type.String()
})

const CommandSchema = Type.Union([RevokeSchema, ReplaceSchema, DisconnectSchema, MembershipSchema])

/** What nodes tell each other. A command that a node does not know, of a newer one, passes it by. */
export type Command = Static<typeof CommandSchema>

export type MembershipCommand = Static<typeof MembershipSchema>

const ToldSchema = Type.Object({ type: Type.Literal('command'), at: Type.Number(), command: CommandSchema })

/** A command as it arrives, with the instant at which it was given, in milliseconds since 1970 on the broker's clock. */
export type Told = Static<typeof ToldSchema>

const toldCheck = TypeCompiler.Compile(ToldSchema)

export function isTold (value: unknown): value is Told {
  return toldCheck.Check(value)
}
