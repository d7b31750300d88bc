// The first figures. A page that loads this file alone can ask for them while the element is still on its way.

import { request, type Answer } from './http';
import { CONSUMPTION } from './overview';

export * from './http';
export * from './overview';

type Asked = [address: string, token: string, license: string | null];
let ahead: Record<string, Promise<Answer>> = {};

const ask = (...[address, token, license]: Asked) => request(address, token, CONSUMPTION, { license });

/** Ask now; the element takes the answer if it asks for the same. */
export function askAhead(...asked: Asked): void {
  ahead[JSON.stringify(asked)] = ask(...asked);
}

/** The answer that was asked for ahead, once, or that of a new request. */
export function firstFigures(...asked: Asked): Promise<Answer> {
  const answer = ahead[JSON.stringify(asked)] ?? ask(...asked);
  ahead = {};
  return answer;
}
