// What every part of a view needs: the formats, and the store that answers its questions.

import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Formats } from '../format';
import { RequestFailed } from '../http';
import type { Failure, Status } from '../model';
import type { Store } from '../store';

export interface Surrounding {
  formats: Formats;
  store: Store;
  printing: boolean;
}

export const Around = createContext<Surrounding>(null!);
export const useAround = () => useContext(Around);
export const useText = () => useAround().formats.text;

/** The answer to a question, asked again when `keys` change; the answer before stays meanwhile. */
export function useAnswer<T>(ask: () => Promise<T>, keys: unknown[]): T | Failure | null {
  const [answer, setAnswer] = useState<T | Failure | null>(null);
  useEffect(() => {
    let current = true;
    ask().then(
      (found) => current && setAnswer(() => found),
      (error) => current && setAnswer(failureOf(error)),
    );
    return () => {
      current = false;
    };
  }, keys);
  return answer;
}

export const failureOf = (error: unknown): Failure =>
  error instanceof RequestFailed ? error.failure : { code: 'INTERNAL', message: String(error), trace: null };

/** The name of a status in class names. */
export const tone = (status: Status) => ({ OK: 'ok', AT_RISK: 'risk', EXCEEDED: 'over', UNKNOWN: 'unknown' })[status];
