// One GraphQL request over HTTP.

import type { Failure } from './model';

export interface GraphQLProblem {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; trace?: string };
}
export interface Answer {
  data: any;
  errors: GraphQLProblem[];
  trace: string | null;
}
type Sent = [address: string, token: string | null, query: string, variables: Record<string, unknown>];

declare global {
  /** The request that a page sent while the element was on its way. It is all that the two scripts share. */
  var allowanceAhead: { sent: string; response: Promise<Response> } | undefined;
}

/** The address of requests and of the connection, with the language: it comes before that of the session's person. */
export function addressOf(endpoint: string, language: string): string {
  const url = new URL(endpoint, location.href);
  url.searchParams.set('lang', language);
  return url.href;
}

const send = (...[address, token, query, variables]: Sent) =>
  fetch(address, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });

/** Send a request now; the element takes the response when it sends the same one. */
export function sendAhead(...sent: Sent): void {
  globalThis.allowanceAhead = { sent: JSON.stringify(sent), response: send(...sent) };
}

/** Send a request. Throws a failure where there is no answer of the API. */
export async function request(...sent: Sent): Promise<Answer> {
  const ahead = globalThis.allowanceAhead;
  globalThis.allowanceAhead = undefined;
  let [message, trace]: [string?, string?] = [];
  try {
    const response = await (ahead?.sent === JSON.stringify(sent) ? ahead.response : send(...sent));
    message = `HTTP ${response.status}`; // where a proxy answered instead of the API
    trace = response.headers.get('traceresponse')?.split('-')[1];
    const { data = null, errors = [] } = await response.json();
    return { data, errors, trace: trace ?? null };
  } catch (error) {
    throw { code: 'UNREACHABLE', message: message ?? String(error), trace: trace ?? null } satisfies Failure;
  }
}
