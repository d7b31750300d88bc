// The readings as a file for spreadsheets.

import type { Overview } from '../model';

export function download(overview: Overview) {
  const rows = overview.sections.flatMap(({ title, readings }) =>
    readings.map(({ meter, status, used, limit, remaining, measuredAt }) =>
      [title, meter.key, meter.title, status, used, limit, remaining, meter.unitForms.other, measuredAt].map(cell).join(','),
    ),
  );
  const head = 'section,meter,title,status,used,limit,remaining,unit,measured_at';
  const url = URL.createObjectURL(new Blob([`\uFEFF${[head, ...rows].join('\r\n')}\r\n`], { type: 'text/csv' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: `${overview.license.key}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A field of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula is kept a text. */
const cell = (value: string | number | null) => {
  const words = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? '');
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
};
