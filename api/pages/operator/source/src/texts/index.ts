// The words of the page. A language is one file; each has every text of the English one, which the types check.

import { en } from './en';
import { fr } from './fr';

export type Text = typeof en;

export const LANGUAGES: Record<string, Text> = { en, fr };

/** The first of these languages that is spoken here; English if none is. */
export const spokenOf = (languages: (string | null | undefined)[]): string =>
  languages.map((one) => one?.slice(0, 2).toLowerCase() ?? '').find((one) => one in LANGUAGES) ?? 'en';
