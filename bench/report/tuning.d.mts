export interface TuningData {
  readonly runs: ReadonlyMap<string, object>;
  readonly results: readonly object[];
}

export function readTuning(dir: string): TuningData;
export function tuningDocument(data: TuningData): string;
export function tuningKeys(): { readonly tuned: readonly string[]; readonly without: readonly string[] };
