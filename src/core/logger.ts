type Write = (fields: object, message: string) => void

/** What the core asks of a logger; pino's, and so Fastify's, fits. */
export interface Logger {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}
