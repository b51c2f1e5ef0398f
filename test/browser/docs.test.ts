import t from 'tap'
import { startServer } from '../helpers/server-process.ts'
import { browserTest, openPage } from './chromium.ts'

browserTest('the page at /docs shows the routes, and its policy blocks nothing that it needs', async (t, browser) => {
  const server = await startServer(t)
  const { page, complaints } = await openPage(t, browser)
  await page.goto(`${server.url}/docs`)
  await page.getByText('/presence/query').first().waitFor()
  t.same(complaints, [])
})

t.end()
