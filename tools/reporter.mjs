import { Transform } from 'node:stream'
import { Parser } from 'tap-parser'
import { failureText } from './failure-text.mjs'

/**
 * The reporter of `.taprc`: a line per test file, the details of what failed, and as the very last line `N passed, N failed`.
 *
 * It counts assertions, not subtests. What fails without a failed assertion counts as one failure: a file that crashed, ended with a code or ran out of
 * time, a subtest that missed its plan, a run that lost a file. So does a file that asserted nothing, which tap itself lets pass.
 * The file must not be executable: tap would start it as a program, with the TAP on its stdin.
 */
export default class Reporter extends Transform {
  #parser = new Parser()
  #passed = 0
  #failed = 0
  #printed = ''

  constructor () {
    super()
    this.#parser.on('child', parser => this.#file(parser))
    this.#parser.on('assert', result => { if (!result.closingTestPoint) this.#outside(result) })
    this.#parser.on('extra', text => { this.#printed += text })
    this.#parser.on('bailout', reason => this.#fail(`Bail out! ${reason}\n`))
  }

  /** @override */
  _transform (chunk, _encoding, done) {
    this.#parser.write(chunk)
    done()
  }

  /** @override */
  _flush (done) {
    this.#parser.end()
    if (this.#failed === 0 && !this.#parser.ok) this.#fail('FAIL  the run itself: tap says it is not ok, and no test says why\n')
    this.push(`\n${this.#passed} passed, ${this.#failed} failed\n`)
    if (this.#failed > 0) process.exitCode = 1
    done()
  }

  #fail (text) {
    this.#failed++
    this.push(text)
  }

  /** A test point of the runner's own, such as a timeout that it could not lay at a file's door. */
  #outside (result) {
    if (!result.ok && !result.todo) this.#fail(`FAIL  ${failureText([result.name], result)}`)
  }

  #file (parser) {
    // Not the name of the line that closes it: when its time is up, that line is called `timeout!`.
    const tally = { name: parser.name, passed: 0, skipped: [], failures: [] }
    this.#printed = ''
    observe(parser, [], tally)
    this.#parser.once('assert', closing => this.#fileEnded(closing, tally))
  }

  #fileEnded (closing, { name, passed, skipped, failures }) {
    const failed = [...failures]
    if (!closing.ok && failed.length === 0) failed.push(failureText(['the file failed as a whole'], closing))
    else if (passed === 0 && failed.length === 0) failed.push('the file asserted nothing\n')
    this.#passed += passed
    this.#failed += failed.length
    const seconds = closing.time === null ? '' : ` (${(closing.time / 1000).toFixed(1)} s)`
    const counts = failed.length > 0 ? `${passed} passed, ${failed.length} failed` : `${passed} passed`
    this.push(`${failed.length > 0 ? 'FAIL' : 'ok  '}  ${name}: ${counts}${seconds}\n`)
    for (const title of skipped) this.push(`      skipped: ${title}\n`)
    if (failed.length === 0) return
    for (const text of failed) this.push(indent(text))
    if (this.#printed !== '') this.push(indent(`it printed:\n${this.#printed}`))
  }
}

/** Follows one parser and the subtests below it, and notes what each assertion came to. */
function observe (parser, path, tally) {
  let failuresBefore = 0
  parser.on('child', child => {
    failuresBefore = tally.failures.length
    observe(child, [...path, child.name], tally)
  })
  parser.on('assert', result => {
    const titles = [...path, result.name]
    if (result.skip || result.todo) tally.skipped.push(`${titles.join(' > ')} (${reason(result)})`)
    else if (!result.closingTestPoint && result.ok) tally.passed++
    // The closing line of a subtest only repeats the failures inside it, unless there are none.
    else if (!result.ok && (!result.closingTestPoint || tally.failures.length === failuresBefore)) tally.failures.push(failureText(titles, result))
  })
}

function reason ({ skip, todo }) {
  const text = [skip, todo].find(value => typeof value === 'string') ?? 'no reason given'
  return todo ? `to do: ${text}` : text
}

const indent = text => text.replace(/^(?=.)/gm, '      ')
