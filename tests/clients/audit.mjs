// Holds the server to the GraphQL-over-HTTP specification, by the audits of graphql-http.
// Prints a line of JSON for each audit: its id, its name, its status and, unless that is ok, the reason.
//
// node audit.mjs URL TOKEN

import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init) =>
  fetch(input, { ...init, headers: { ...init?.headers, Authorization: `Bearer ${token}` } });

for (const audit of serverAudits({ url: `${url}/graphql`, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
