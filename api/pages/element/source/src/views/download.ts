// The readings as a file for spreadsheets.

import type { Overview } from '../model';

export function download(overview: Overview) {
  const rows = overview.sections.flatMap(({ title, readings }) =>
    readings.map(({ meter, status, used, limit, remaining, measuredAt }) =>
      [title, meter.key, meter.title, status, used, limit, remaining, meter.unitForms.other, measuredAt].map(cell).join(','),
    ),
  );
  const head = 'section,meter,title,status,used,limit,remaining,unit,measured_at';
  const text = encodeURIComponent(`\uFEFF${[head, ...rows].join('\r\n')}\r\n`);
  const link = { href: `data:text/csv;charset=utf-8,${text}`, download: `${overview.license.key}.csv` };
  Object.assign(document.createElement('a'), link).click();
}

/** A field of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula is kept a text. */
const cell = (value: string | number | null) => {
  const words = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : (value ?? '');
  return `"${String(words).replaceAll('"', '""')}"`;
};
