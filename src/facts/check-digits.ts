// The check digits of card numbers and bank accounts, which tell them from other long numbers.

/** Digits, perhaps in groups: Luhn's check digit (ISO/IEC 7812-1, annex B). */
export function isCardNumber(written: string): boolean {
  let sum = 0;
  let place = 0;
  for (let at = written.length - 1; at >= 0; at -= 1) {
    const digit = written.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) continue;
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
    place += 1;
  }
  return place > 0 && sum % 10 === 0;
}

/** Length of an IBAN by country, from SWIFT's IBAN registry. */
const ibanLengths: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 " +
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 " +
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 " +
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Whether the text, spaces left out, begins with an IBAN: as long as its country's are, and 1 modulo 97 (ISO 13616). */
export function startsWithIban(written: string): boolean {
  const length = ibanLengths.get(written.slice(0, 2));
  if (length === undefined) return false;
  // The number begins behind country and check digits, which come last: their value is put there at the end.
  let remainder = 0;
  let read = 0;
  for (let at = 0; at < written.length && read < length; at += 1) {
    if (written.charCodeAt(at) === 0x20) continue;
    read += 1;
    if (read > 4) remainder = appended(remainder, written.charCodeAt(at));
  }
  for (let at = 0; at < 4; at += 1) remainder = appended(remainder, written.charCodeAt(at));
  return read === length && remainder === 1;
}

/** The number modulo 97 after a digit, or after a letter, which counts as two digits from 10 (A) to 35 (Z). */
function appended(remainder: number, character: number): number {
  return character > 0x39
    ? (remainder * 100 + character - 55) % 97
    : (remainder * 10 + character - 0x30) % 97;
}
