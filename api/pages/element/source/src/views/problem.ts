// What a failure means to a reader. The API's own messages are in English, and for developers.

import { PASSING, type Failure } from '../model';
import type { Text } from '../texts';

/** A sentence in the reader's language for the code of a failure. */
export const explain = ({ code }: Failure, text: Text): string =>
  text.problems[code] ?? (PASSING.has(code) ? text.busy : text.failed);

/** The same with the number by which the support team finds it. */
export const explainWithTrace = (failure: Failure, text: Text): string =>
  `${explain(failure, text)} ${failure.trace ? text.trace(failure.trace) : ''}`.trim();
