// Asks and follows as a front end with Apollo Client does: HTTP for queries and mutations, WebSocket for subscriptions.
// Prints as JSON what it got.
//
// node apollo.mjs URL TOKEN

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket; // Apollo looks for it, and Node.js has it from version 22 on
const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const socket = createClient({
  url: `${url.replace('http', 'ws')}/graphql`,
  connectionParams: headers,
});
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === 'subscription',
    new GraphQLWsLink(socket),
    new HttpLink({ uri: `${url}/graphql`, headers }),
  ),
  cache: new InMemoryCache({ typePolicies: { License: { fields: { grants: relayStylePagination() } } } }),
});
const rename = (name) =>
  client.mutate({
    mutation: gql`mutation Rename($name: String!) {
      putLicense(input: { key: "acme", name: $name, timeZone: "Europe/Brussels" }) { license { id name } errors { code } }
    }`,
    variables: { name },
  });
const codes = (error) => CombinedGraphQLErrors.is(error) && error.errors.map((one) => one.extensions.code);

const query = gql`{ license(key: "acme") { id name } }`;
const asked = (await client.query({ query })).data.license.name;
const refused = await client.query({ query: gql`{ license(key: "acne") { id name } }` }).then(String, codes);

// Page by page, as a list that a reader scrolls down; the pages are one list in the cache.
const list = gql`query Grants($after: String) {
  license(key: "acme") {
    id
    grants(first: 1, after: $after) { edges { node { id amount } cursor } pageInfo { hasNextPage endCursor } }
  }
}`;
const grants = client.watchQuery({ query: list });
await new Promise((resolve) => grants.subscribe(({ dataState }) => dataState === 'complete' && resolve()));
let { pageInfo } = grants.getCurrentResult().data.license.grants;
while (pageInfo.hasNextPage) {
  ({ pageInfo } = (await grants.fetchMore({ variables: { after: pageInfo.endCursor } })).data.license.grants);
}
const paged = client.readQuery({ query: list }).license.grants.edges.map((edge) => edge.node.amount);

const followed = await new Promise((resolve, reject) => {
  const names = [];
  const following = client
    .subscribe({ query: gql`subscription { consumptionChanged(license: "acme") { id license { id name } } }` })
    .subscribe({
      error: reject,
      next: ({ data, error }) => {
        if (error) reject(error);
        names.push(data.consumptionChanged.license.name);
        if (names.length === 1) rename('Apollo').catch(reject);
        else {
          following.unsubscribe();
          resolve(names);
        }
      },
    });
});
// What was followed is in the cache, where a query finds it without asking.
const cached = client.readQuery({ query: gql`{ license(key: "acme") { name } }` }).license.name;
const unfollowed = await new Promise((resolve) => {
  client.subscribe({ query: gql`subscription { consumptionChanged(license: "acne") { id } }` }).subscribe({
    error: (error) => resolve(codes(error)),
    next: ({ error }) => resolve(codes(error)),
  });
});
console.log(JSON.stringify({ asked, refused, paged, followed, cached, unfollowed }));
await socket.dispose();
client.stop();
