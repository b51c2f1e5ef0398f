/** A percentile of samples, by nearest rank. */
export function percentile (samples, p) {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * p / 100) - 1)]
}

/** Prints rows under a title, in columns. */
export function printTable (title, rows) {
  process.stdout.write(`\n${title}\n`)
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => String(row[column]).length)))
  for (const row of rows) process.stdout.write(`  ${row.map((cell, column) => String(cell).padEnd(widths[column])).join('  ')}\n`)
}

/** The middle of samples. */
export function median (samples) {
  return percentile(samples, 50)
}
