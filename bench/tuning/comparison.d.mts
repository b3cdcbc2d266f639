export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Sample {
  readonly iops: number;
  readonly latencyUs: { readonly mean: number };
  readonly serverCpu: { readonly usPerIo: number };
}

export interface Comparison {
  readonly rounds: number;
  readonly ratio: Spread;
  readonly here: { readonly value: number; readonly cpu: number };
  readonly base: { readonly value: number; readonly cpu: number };
}

export function compare(measure: 'iops' | 'latency', ours: readonly Sample[], theirs: readonly Sample[]): Comparison;
export function verdictOf(measure: 'iops' | 'latency', comparison: Comparison): 'better' | 'worse' | 'same';
