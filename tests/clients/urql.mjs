// Asks and follows as a front end with urql does: everything over HTTP, subscriptions as server-sent events.
// Prints as JSON what it got, and with which media type.
//
// node urql.mjs URL TOKEN

import { Client, fetchExchange, gql } from '@urql/core';

// urql ends a stream by aborting its request, and leaves it to others to catch that.
process.on('unhandledRejection', (error) => {
  if (error.name !== 'AbortError') throw error;
});

const [url, token] = process.argv.slice(2);
const types = [];
const client = new Client({
  url: `${url}/graphql`,
  exchanges: [fetchExchange],
  fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
  fetchSubscriptions: true,
  preferGetMethod: false,
  fetch: async (input, init) => {
    const answer = await fetch(input, init);
    types.push(answer.headers.get('content-type'));
    return answer;
  },
});
const codes = ({ error }) => error?.graphQLErrors.map((one) => one.extensions.code);
const rename = (name) =>
  client.mutation(
    gql`mutation Rename($name: String!) {
      putLicense(input: { key: "acme", name: $name, timeZone: "Europe/Brussels" }) { errors { code } }
    }`,
    { name },
  );

const asked = (await client.query(gql`{ license(key: "acme") { name } }`, {})).data.license.name;
const refused = codes(await client.query(gql`{ license(key: "acne") { name } }`, {}));
const changed = (await rename('Urql')).data.putLicense.errors;
const paged = [];
let after = null;
do {
  const { data } = await client.query(
    gql`query Grants($after: String) {
      license(key: "acme") { grants(first: 1, after: $after) { edges { node { amount } } pageInfo { hasNextPage endCursor } } }
    }`,
    { after },
  );
  const { edges, pageInfo } = data.license.grants;
  paged.push(...edges.map((edge) => edge.node.amount));
  after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
} while (after);
const followed = await new Promise((resolve, reject) => {
  const names = [];
  const following = client
    .subscription(gql`subscription { consumptionChanged(license: "acme") { license { name } } }`, {})
    .subscribe(({ data, error }) => {
      if (error) return reject(error);
      names.push(data.consumptionChanged.license.name);
      if (names.length === 1) return rename('Followed by urql').toPromise().catch(reject);
      following.unsubscribe();
      return resolve(names);
    });
});
const unfollowed = codes(
  await client.subscription(gql`subscription { consumptionChanged(license: "acne") { id } }`, {}).toPromise(),
);
console.log(JSON.stringify({ asked, refused, changed, paged, followed, unfollowed, types }));
