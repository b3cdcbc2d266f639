/** The target broke a rule of RFC 7143. Thrown where it is seen, so that a test fails with the rule's words. */
export class TargetViolation extends Error {
  override readonly name = 'TargetViolation';
}

export function demand(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new TargetViolation(rule);
}
