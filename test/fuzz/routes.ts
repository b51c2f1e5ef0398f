import { PublishBodySchema } from '../../routes/publish.ts'
import type { Schema } from './sample.ts'

/** A route as the server describes it. */
export interface Route {
  readonly method: string
  /** Such as `/rooms/{room}/history`. */
  readonly path: string
  readonly params: Readonly<Record<string, Schema>>
  readonly query: Readonly<Record<string, Schema>>
  readonly body?: Schema | undefined
  /** What it may answer: the statuses, each with the codes of its errors. */
  readonly answers: Answers
}

/** Codes by status; none where it is no error. */
export type Answers = ReadonlyMap<number, readonly string[]>

interface Parameter {
  readonly in: string
  readonly name: string
  readonly schema: Schema
}

interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>
}

/** The routes in a server's own description, so that there is no second list of them. */
export function routesOf (openapi: unknown): Route[] {
  const { paths } = openapi as { paths: Record<string, Record<string, Operation>> }
  return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => routeOf(method, path, operation)))
}

function routeOf (method: string, path: string, { parameters = [], requestBody, responses }: Operation): Route {
  const schemasIn = (place: string) => Object.fromEntries(parameters.filter(one => one.in === place).map(({ name, schema }) => [name, schema]))
  const body = requestBody?.content['application/json']?.schema
  return {
    method: method.toUpperCase(),
    path,
    params: schemasIn('path'),
    query: schemasIn('query'),
    // The description says of a batch's publishes only that they are as the body of another route.
    body: path === '/publish/batch' && body !== undefined ? batchOf(body) : body,
    answers: new Map(Object.entries(responses).map(([status, { content }]) => {
      return [Number(status), (content?.['application/json']?.schema.properties?.['code']?.enum ?? []) as string[]]
    }))
  }
}

function batchOf (body: Schema): Schema {
  const publishes = { ...body.properties?.['publishes'], items: PublishBodySchema as Schema }
  return { ...body, properties: { ...body.properties, publishes } }
}
