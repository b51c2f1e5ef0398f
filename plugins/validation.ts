import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'

/** Takes JSON and nothing else, and validates it with TypeBox: bodies exactly as they came, query strings and parameters by the types that their schemas declare. */
export default fp(async (app: FastifyInstance) => {
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setSchemaErrorFormatter((errors, part) => {
    const [first] = errors
    return new Error(`${part}${first?.instancePath ?? ''}: ${first?.message ?? 'invalid'}`)
  })
}, { name: 'roomcast-validation', fastify: '5.x' })
