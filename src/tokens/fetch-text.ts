export interface FetchLimits {
  readonly signal: AbortSignal
  readonly maxBytes: number
}

/**
 * Gets the text at an address, no more than allowed. A redirect is a failure: it could lead anywhere.
 * @throws Error for any answer but a whole one of status 200
 */
export async function fetchText (url: string, { signal, maxBytes }: FetchLimits): Promise<string> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new Error(`it answered ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Counted as they come: the length that a header names may be a lie, and compressed.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
