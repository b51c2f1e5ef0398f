declare module 'cluster-key-slot' {
  /** The slot of a key, from 0 to 16,383. */
  export default function calculateSlot (key: string | Buffer): number
}
