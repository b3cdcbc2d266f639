/**
 * A fault in what the operator configured: which file, which key, what stands there and what would be right. It is raised
 * before anything is started, and printed as one block.
 */

/** Longest excerpt of a value that is printed. */
const VALUE_CHARACTERS_MAX = 120;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** The file, with ":line:column" where that is known; or the option or directory at fault. */
  readonly file: string;
  /** JSON path such as storages[0].blockShift; empty when the file as a whole is at fault. */
  readonly key: string;
  /** What stands there; undefined when nothing does. */
  readonly value: unknown;

  /** @param message what is wrong and what would be right */
  constructor(file: string, key: string, value: unknown, message: string) {
    super(message);
    this.file = file;
    this.key = key;
    this.value = value;
  }

  /** The block for the operator, several lines without a final newline. */
  describe(): string {
    const lines = ['The configuration is not right; nothing was started.', `  file:  ${this.file}`];
    if (this.key !== '') lines.push(`  key:   ${this.key}`);
    if (this.value !== undefined) lines.push(`  value: ${excerpt(this.value)}`);
    lines.push(`  fault: ${this.message}`);
    return lines.join('\n');
  }
}

/** `value` as JSON, cut to a line that can be read. */
function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX)}…`;
}
