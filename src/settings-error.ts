/** A setting that is wrong, in words for whoever set it. */
export class SettingsError extends Error {
  constructor (setting: string, problem: string) {
    super(`${setting}: ${problem}`)
    this.name = 'SettingsError'
  }
}
