import { constants } from 'node:os';
import { beforeEach, expect, it } from 'vitest';
import {
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_READ,
  IO_WRITE,
  IO_WRITE_PROTECTED,
} from '../../../../src/backend/backend.ts';
import { END_OF_FILE, FAILURE_QUIET_MS, FailureNews } from '../../../../src/backend/io/failure-news.ts';
import { RecordingOwner } from '../recording-owner.ts';

const { EIO, ENOSPC, ENXIO, EROFS } = constants.errno;
const owner = new RecordingOwner();
const read = owner.io(IO_READ, 8192, 4096);
const write = owner.io(IO_WRITE, 512, 1024);

let lines: unknown[][];
let nowMs: number;
let news: FailureNews;

beforeEach(() => {
  lines = [];
  nowMs = 5;
  news = new FailureNews((...line) => lines.push(line), '/disk.img', { nowMs: () => nowMs });
});

it('a read that fails is told with its place and reason', () => {
  expect(news.statusOf(read, -EIO)).toBe(IO_MEDIUM_ERROR);
  const fields = { path: '/disk.img', offsetBytes: 8192, lengthBytes: 4096, reason: 'EIO', failures: 1 };
  expect(lines).toEqual([['error', 'a storage could not be read', fields]]);
});

it('a write that fails says so, and so does a file that ends too early', () => {
  expect(news.statusOf(write, -ENXIO)).toBe(IO_HARDWARE_ERROR);
  nowMs += FAILURE_QUIET_MS;
  expect(news.statusOf(read, END_OF_FILE)).toBe(IO_MEDIUM_ERROR);
  expect(lines).toMatchObject([
    ['error', 'a storage could not be written', { reason: 'ENXIO' }],
    ['error', 'a storage could not be read', { reason: 'the file ends before' }],
  ]);
});

it('many failures are a line a minute, with their number', () => {
  for (let i = 0; i < 1000; i++) expect(news.statusOf(read, -EIO)).toBe(IO_MEDIUM_ERROR);
  expect(lines).toHaveLength(1);
  nowMs += FAILURE_QUIET_MS;
  news.statusOf(read, -EIO);
  expect(lines[1]).toMatchObject(['error', 'a storage could not be read', { failures: 1000 }]);
});

it('what a full or protected store refuses is nothing that its medium failed', () => {
  expect(news.statusOf(write, -ENOSPC)).toBe(IO_NO_SPACE);
  expect(news.statusOf(write, -EROFS)).toBe(IO_WRITE_PROTECTED);
  expect(lines).toEqual([]);
});
