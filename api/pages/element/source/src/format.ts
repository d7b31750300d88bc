// Numbers, dates and words in the reader's language and in the license's time zone.

import type { Text } from './texts';

export interface Formats {
  language: string;
  text: Text;
  number(value: number): string;
  percent(ratio: number): string;
  date(instant: string): string;
  /** The last day of a period whose end is the first instant after it. */
  lastDay(end: string): string;
  time(instant: string): string;
  month(instant: string): string;
  days(from: Date, until: string): number;
}

export function formatsOf(language: string, text: Text, timeZone: string): Formats {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone });
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone });
  const month = new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone });
  return {
    language,
    text,
    number: (value) => (value !== 0 && Math.abs(value) < 0.1 ? fine : whole).format(value),
    // Never 100 % for what is a little more or less than the whole.
    percent: (ratio) => {
      const rounded = Math.round(ratio * 1000) / 1000;
      const shown = rounded === 1 && ratio !== 1 ? (ratio < 1 ? 0.999 : 1.001) : rounded;
      return percent.format(shown);
    },
    date: (instant) => date.format(new Date(instant)),
    lastDay: (end) => date.format(new Date(new Date(end).getTime() - 1)),
    time: (instant) => time.format(new Date(instant)),
    month: (instant) => month.format(new Date(instant)),
    days: (from, until) => Math.ceil((new Date(until).getTime() - from.getTime()) / 86_400_000),
  };
}
