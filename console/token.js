const digests = { HS256: 'SHA-256', HS384: 'SHA-384', HS512: 'SHA-512' }

/**
 * Signs a token (RFC 7515 §3.2.1), in this page: the secret goes nowhere.
 * @throws Error where the browser lends no cryptography, on a page that came neither by https nor from loopback
 */
export async function signToken (claims, { secret, algorithm }) {
  if (crypto.subtle === undefined) throw new Error('Tokens can be made on https and on loopback only. Paste one')
  const usage = { name: 'HMAC', hash: digests[algorithm] }
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), usage, false, ['sign'])
  const content = [{ alg: algorithm, typ: 'JWT' }, claims].map(part => encode(new TextEncoder().encode(JSON.stringify(part)))).join('.')
  return `${content}.${encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(content))))}`
}

/** What a token says, unchecked; undefined if it is none. */
export function readClaims (token) {
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')), character => character.charCodeAt(0))
    const claims = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null ? claims : undefined
  } catch {
    return undefined
  }
}

function encode (bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
