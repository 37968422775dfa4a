/** Which of the Pod Security Standards a namespace asks for, by its labels (Kubernetes, "Pod Security Admission"). */
import type { FieldError } from '../definition.ts';
import { fieldInvalid } from '../meta/field-error.ts';

const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

export interface LevelVersion {
  readonly level: Level;
  /** Minor of Kubernetes 1; Infinity: the latest. */
  readonly version: number;
}

export interface PodSecurityPolicy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const domain = 'pod-security.kubernetes.io/';
const free: LevelVersion = { level: 'privileged', version: Infinity };
const everything: PodSecurityPolicy = { enforce: free, audit: free, warn: free };
const versionPattern = /^v1\.(0|[1-9][0-9]*)$/;

export function isFullyPrivileged({ enforce, audit, warn }: PodSecurityPolicy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === 'privileged');
}

/** Negative: `a` is less strict. */
export function compareLevels(a: Level, b: Level): number {
  return levels.indexOf(a) - levels.indexOf(b);
}

/** `baseline:latest`, `restricted:v1.30` */
export function formatLevel({ level, version }: LevelVersion): string {
  return `${level}:${version === Infinity ? 'latest' : `v1.${version}`}`;
}

/** What cannot be read is an error; until it is mended the strictest counts for enforce, and nothing for audit and warn. */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): {
  readonly policy: PodSecurityPolicy;
  readonly errors: readonly FieldError[];
} {
  if (!labels) return { policy: everything, errors: [] };
  const errors: FieldError[] = [];
  const read = (mode: keyof PodSecurityPolicy, fallback: Level): LevelVersion => ({
    level: readLevel(labels, mode, fallback, errors),
    version: readVersion(labels, `${mode}-version`, errors),
  });
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const warn = read('warn', 'privileged');
  const asked = labels[`${domain}enforce`];
  const isSound = asked !== undefined && (levels as readonly string[]).includes(asked);
  if (labels[`${domain}warn`] !== undefined || !isSound || compareLevels(enforce.level, warn.level) <= 0) {
    return { policy: { enforce, audit, warn }, errors };
  }
  // Who enforces something hears of it in advance, for workloads.
  const version = labels[`${domain}warn-version`] === undefined ? enforce.version : warn.version;
  return { policy: { enforce, audit, warn: { level: enforce.level, version } }, errors };
}

type Labels = Readonly<Record<string, string>>;

function readLevel(labels: Labels, mode: string, fallback: Level, errors: FieldError[]): Level {
  const given = labels[`${domain}${mode}`];
  if (given === undefined) return 'privileged';
  const level = levels.find((one) => one === given);
  if (level) return level;
  errors.push(fieldInvalid(`metadata.labels[${domain}${mode}]`, given, `must be one of ${levels.join(', ')}`));
  return fallback;
}

function readVersion(labels: Labels, name: string, errors: FieldError[]): number {
  const given = labels[`${domain}${name}`];
  if (given === undefined || given === 'latest') return Infinity;
  const match = versionPattern.exec(given);
  if (match) return Number(match[1]);
  errors.push(fieldInvalid(`metadata.labels[${domain}${name}]`, given, 'must be "latest" or "v1.x"'));
  return Infinity;
}
