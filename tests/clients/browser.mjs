// Opens the GraphiQL page with a token, runs the operation of one of its tabs, and prints as JSON what it saw:
// what the page shows, all hosts that were asked for anything, what the browser complained about, the address.
//
// node browser.mjs CHROMIUM URL TOKEN OPERATION

import { chromium } from 'playwright-core';

const [executablePath, url, token, operation] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1600, height: 4000 } });
const hosts = new Set();
const complaints = [];
page.on('request', (request) => {
  const { protocol, origin } = new URL(request.url());
  if (protocol !== 'data:' && protocol !== 'blob:') hosts.add(origin);
});
page.on('websocket', (socket) => hosts.add(new URL(socket.url().replace(/^ws/, 'http')).origin));
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
page.on('pageerror', (error) => complaints.push(String(error)));

await page.goto(`${url}/graphiql#token=${token}`);
await page.getByRole('tab', { name: operation }).click();
await page.getByRole('button', { name: 'Execute query' }).click();
const result = page.locator('.graphiql-response');
await result.getByText('data').first().waitFor();
const shown = (await result.innerText()).replaceAll('\u00a0', ' ');
console.log(JSON.stringify({ shown, hosts: [...hosts], complaints, address: page.url() }));
await browser.close();
