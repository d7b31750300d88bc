// Follows with the reference clients of both protocols, and offers the legacy one. Prints as JSON what it got.
//
// node transports.mjs URL TOKEN REVOKED

import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import { WebSocket } from 'ws';

const [url, token, revoked] = process.argv.slice(2);
const address = `${url.replace('http', 'ws')}/graphql`;
const bearer = (one) => ({ Authorization: `Bearer ${one}` });
const rename = (name) =>
  `mutation { putLicense(input: { key: "acme", name: "${name}", timeZone: "Europe/Brussels" }) { errors { code } } }`;
const named = 'subscription { consumptionChanged(license: "acme") { license { name } } }';

// Both clients have the same calls.
const use = async (client, name) => {
  const ask = async (query) => {
    for await (const { data, errors } of client.iterate({ query })) return errors?.map((one) => one.extensions.code) ?? data;
  };
  const refusal = (query) => ask(query).catch((errors) => errors.map((one) => one.extensions.code));
  const asked = (await ask('{ license(key: "acme") { key } }')).license.key;
  const refused = await refusal('{ license(key: "acne") { name } }');
  const invalid = await refusal('subscription { consumptionChanged { nothing } }');
  const unfollowed = await refusal('subscription { consumptionChanged(license: "acne") { id } }');
  const followed = [];
  for await (const { data } of client.iterate({ query: named })) {
    followed.push(data.consumptionChanged.license.name);
    if (followed.at(-1) === name) break;
    await ask(rename(name));
  }
  await client.dispose();
  return { asked, refused, invalid, unfollowed, followed: followed.at(-1) };
};

const ws = await use(
  createWs({ url: address, connectionParams: bearer(token), webSocketImpl: WebSocket, lazyCloseTimeout: 100 }),
  'By WebSocket',
);
const sse = await use(createSse({ url: `${url}/graphql`, headers: bearer(token) }), 'By events');

const closed = await new Promise((resolve) => {
  const client = createWs({
    url: address, connectionParams: bearer(revoked), webSocketImpl: WebSocket, retryAttempts: 0,
  });
  client.subscribe({ query: named }, { next: resolve, complete: resolve, error: (event) => resolve(event.code) });
});
const legacy = await new Promise((resolve) => {
  const socket = new WebSocket(address, 'graphql-ws');
  socket.on('open', () => resolve('open'));
  socket.on('error', (error) => resolve(error.message));
});
console.log(JSON.stringify({ ws, sse, closed, legacy }));
