import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import fastJson from 'fast-json-stringify'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'

/**
 * Takes JSON and nothing else, validates it with TypeBox – bodies exactly as they came, query strings and parameters by the types that their
 * schemas declare – and serialises by schema. All of it is said here, since the host may have said otherwise for its own routes.
 */
export default fp(async (app: FastifyInstance) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setSerializerCompiler(({ schema }) => fastJson(schema as fastJson.Schema))
  app.setSchemaErrorFormatter((errors, part) => {
    const [first] = errors
    return new Error(`${part}${first?.instancePath ?? ''}: ${first?.message ?? 'invalid'}`)
  })
}, { name: 'roomcast-validation', fastify: '5.x' })
