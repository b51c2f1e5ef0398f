import { STATUS_CODES } from 'node:http'
import { Type } from '@sinclair/typebox'
import { errors, type ErrorCode } from '../src/core/errors.ts'
import { closedObject } from './schemas.ts'

export const ErrorSchema = closedObject({
  statusCode: Type.Integer(),
  code: Type.String({ description: 'Stable name of the refusal' }),
  error: Type.String({ description: 'Name of the status' }),
  message: Type.String({ description: 'For people' })
})

type StatusOf<Code extends ErrorCode> = typeof errors[Code]['statusCode']

/** What every route that asks for a scope may refuse with. */
export const scopeErrors = ['unauthorized', 'scope_forbidden', 'internal', 'unavailable'] as const

/** What every route that reads a body may refuse with. */
export const bodyErrors = ['request_invalid', 'payload_too_large', 'media_type_unsupported'] as const

/** Response schemas for the codes that a route may refuse with, by their statuses, each with its code, what it means and an example. */
export function errorResponses<Code extends ErrorCode> (...codes: Code[]): Record<StatusOf<Code>, typeof ErrorSchema> {
  const statuses = new Set(codes.map(code => errors[code].statusCode))
  const responses = [...statuses].map(status => [status, errorResponse(codes.filter(code => errors[code].statusCode === status))])
  return Object.fromEntries(responses) as Record<StatusOf<Code>, typeof ErrorSchema>
}

/** The response schema for codes of one status. */
export function errorResponse (codes: readonly ErrorCode[]): typeof ErrorSchema {
  const { statusCode, error, message } = ErrorSchema.properties
  const code = Type.Unsafe<string>({ ...ErrorSchema.properties.code, enum: codes })
  return closedObject({ statusCode, code, error, message }, {
    description: codes.map(code => `\`${code}\`: ${errors[code].message}.`).join(' '),
    'x-examples': Object.fromEntries(codes.map(code => [code, { value: exampleOf(code) }])),
    ...codes.some(isPassing) && { headers: { 'retry-after': { type: 'integer', description: 'Seconds until the same request makes sense again, where that is known' } } }
  }) as typeof ErrorSchema
}

/** Whether the same request may be taken later, which `Retry-After` tells then. */
function isPassing (code: ErrorCode): boolean {
  return [429, 503].includes(errors[code].statusCode)
}

function exampleOf (code: ErrorCode): object {
  const { statusCode, message } = errors[code]
  return { statusCode, code, error: STATUS_CODES[statusCode], message }
}
