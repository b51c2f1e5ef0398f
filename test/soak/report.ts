import type { Finding } from './findings.ts'
import type { Ledger } from './ledger.ts'
import { megabytes } from './measure.ts'
import type { SoakResult } from './soak.ts'

/** How a soak stands, in one line. */
export function progressLine ({ counts, publishes, deliveries, members, findings }: Ledger): string {
  return `${counts.connections} connections, ${deliveries.accepted} accepted, ${deliveries.refused} refused, ${publishes.unknown} unknown, ` +
    `${deliveries.delivered} deliveries, ${members.joins} joins, ${members.leaves} leaves, ${deliveries.gaps} gaps, ${findings.count} open items`
}

/** All figures of a soak, a line each. */
export function figures ({ ledger, baseline, end, heapPeaks, keys }: SoakResult): string[] {
  const { counts, publishes, deliveries, members, codes, abuses, faults } = ledger
  return [
    `connections: ${counts.connections} of ${counts.attempts} attempts, by ${counts.come} visits; ${counts.cuts} cut`,
    `publications: ${deliveries.accepted} accepted, ${deliveries.refused} refused; ${publishes.unknown} attempts unknown and tried again`,
    `deliveries checked: ${deliveries.delivered}; recoveries: ${counts.recoveries} with ${counts.replayed} publications; gaps told: ${deliveries.gaps}`,
    `members checked: ${members.joins} joins, ${members.leaves} leaves, ${members.snapshots} lists`,
    `faults: ${listed(faults)}`,
    `abuses: ${listed(abuses)}`,
    `errors and closes: ${listed(codes)}`,
    ...end.map(({ heapBytes, fds, threads, listeners, handles }, slot) => `node ${slot + 1}: heap ${megabytes(baseline[slot]?.heapBytes ?? NaN)} MB before, ` +
      `${megabytes(heapPeaks[slot] ?? NaN)} MB at most, ${megabytes(heapBytes)} MB at the end; ${fds} files, ${threads} threads, ${listeners} listeners, handles: ${listed(handles)}`),
    `keys in Redis: ${listed(keys)}`
  ]
}

/** An open item, with its time in the plan. */
export function openItem ({ atMs, what }: Finding): string {
  return `OPEN ${(atMs / 1_000).toFixed(1)} s: ${what}`
}

function listed (counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([one], [other]) => one < other ? -1 : 1).map(([name, count]) => `${count} ${name}`).join(', ') || 'none'
}
