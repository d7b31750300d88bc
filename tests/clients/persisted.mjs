// Asks as a front end with Apollo Client and automatic persisted queries does: the digest, and where it is not known the
// text. Prints as JSON what it got twice, and the status of every answer.
//
// node persisted.mjs URL TOKEN

import { createHash } from 'node:crypto';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

const [url, token] = process.argv.slice(2);
const statuses = [];
const http = new HttpLink({
  uri: `${url}/graphql`,
  headers: { Authorization: `Bearer ${token}` },
  fetch: async (input, init) => {
    const answer = await fetch(input, init);
    statuses.push(answer.status);
    return answer;
  },
});
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const client = new ApolloClient({
  link: new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http),
  cache: new InMemoryCache(),
});
const query = gql`query Persisted { license(key: "acme") { id timeZone } }`;
const asked = [];
for (let time = 0; time < 2; time++) {
  asked.push((await client.query({ query, fetchPolicy: 'network-only' })).data.license.timeZone);
}
console.log(JSON.stringify({ asked, statuses }));
client.stop();
