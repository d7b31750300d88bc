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

/** The address of requests and of the connection, with the language: it comes before that of the session's person. */
export function addressOf(endpoint: string, language: string): string {
  const url = new URL(endpoint, location.href);
  url.searchParams.set('lang', language);
  return url.href;
}

/** Send a request. Throws a failure where there is no answer of the API. */
export async function request(
  address: string,
  token: string | null,
  query: string,
  variables: Record<string, unknown>,
): Promise<Answer> {
  let [message, trace]: [string?, string?] = [];
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    message = `HTTP ${response.status}`; // where a proxy answered instead of the API
    trace = response.headers.get('traceresponse')?.split('-')[1];
    const { data = null, errors = [] } = await response.json();
    return { data, errors, trace: trace ?? null };
  } catch (error) {
    throw { code: 'UNREACHABLE', message: message ?? String(error), trace: trace ?? null } satisfies Failure;
  }
}
