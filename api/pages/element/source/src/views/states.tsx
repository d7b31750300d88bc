// What is shown in place of the figures: while they load, after signing out, and after a failure.

import type { Failure } from '../model';
import type { Around } from './context';

const READINGS = [1, 1, 4, 4, 4, 5, 1];

/** The heights of the sections as they were last, so that nothing moves when the figures come. */
export const rememberShape = (license: string | null, shape: number[]) => {
  try {
    sessionStorage.setItem(`allowance:shape:${license}`, JSON.stringify(shape));
  } catch {
    // A page may forbid storage; the usual shape is then shown.
  }
};

function shapeOf(license: string | null): number[] {
  try {
    return JSON.parse(sessionStorage.getItem(`allowance:shape:${license}`) ?? '') as number[];
  } catch {
    return READINGS;
  }
}

export function Loading({ license }: { license: string | null }, { text }: Around) {
  const shape = shapeOf(license);
  const half = splitEvenly(shape, (count) => count);
  return (
    <div aria-busy="true">
      <p role="status" class="hidden">
        {text.loading}
      </p>
      <div class="skeleton title" />
      <div class="tiles">
        {[0, 1, 2, 3].map((place) => (
          <div key={place} class="tile skeleton" />
        ))}
      </div>
      <div class="columns">
        {half.map((column, side) => (
          <div key={side}>
            {column.map((count, place) => (
              <div key={place} class="card skeleton" style={{ height: `${6.5 + count * 5.75}rem` }} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Two columns of about the same height, without changing the order. */
export function splitEvenly<T>(items: T[], size: (item: T) => number): [T[], T[]] {
  const whole = items.reduce((sum, item) => sum + 1 + size(item), 0);
  let [sum, place] = [0, 0];
  for (; place < items.length && sum + (1 + size(items[place]!)) / 2 <= whole / 2; place++) sum += 1 + size(items[place]!);
  return [items.slice(0, place), items.slice(place)];
}

export function SignedOut(_: object, { text }: Around) {
  return (
    <div class="message" part="message" role="alert">
      <h2>{text.signedOutTitle}</h2>
      <p>{text.signedOut}</p>
      <slot name="sign-in" />
    </div>
  );
}

export function Failed({ failure }: { failure: Failure }, { store, text }: Around) {
  return (
    <div class="message" part="message" role="alert">
      <h2>{text.failedTitle}</h2>
      <p>{failure.message}</p>
      {failure.trace && <p class="quiet">{text.trace(failure.trace)}</p>}
      <button class="button" part="button" onClick={() => store.retry()}>
        {text.again}
      </button>
    </div>
  );
}
