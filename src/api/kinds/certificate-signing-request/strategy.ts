/**
 * What is particular about CertificateSigningRequests: the server writes down who asked, nothing of the request changes afterwards, and approving and
 * signing are two endpoints that each may write their own part of the status only.
 */
import type { StrategyContext } from '../../definition.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../generated/types/certificates-v1.ts';
import { timestampOf } from '../../meta/timestamp.ts';
import { keepAllButStatus, keepField, keepStatus, typedStrategy } from '../strategy.ts';
import { validateApproval, validateRequest, validateSigning } from './validate.ts';

const decisions: readonly string[] = ['Approved', 'Denied'];

export const certificateSigningRequestStrategy = typedStrategy<CertificateSigningRequest>({
  prepareForCreate(request, { user }) {
    request.status = {};
    if (!request.spec) return;
    const spec: Record<string, unknown> = request.spec as never;
    for (const field of ['username', 'uid', 'groups', 'extra']) delete spec[field];
    spec.username = user.name;
    if (user.uid) spec.uid = user.uid;
    if (user.groups.length > 0) spec.groups = [...user.groups];
    if (user.extra && Object.keys(user.extra).length > 0) spec.extra = structuredClone(user.extra);
  },
  prepareForUpdate(request, old) {
    keepStatus(request, old);
    keepField(request, old, 'spec');
  },
  prepareForStatusUpdate(request, old, context) {
    keepAllButStatus(request, old);
    request.status ??= {};
    // A signer does not decide.
    const kept = (old.status?.conditions ?? []).filter(({ type }) => decisions.includes(type));
    const own = (request.status.conditions ?? []).filter(({ type }) => !decisions.includes(type));
    request.status.conditions = [...kept, ...own];
    if (request.status.conditions.length === 0) delete request.status.conditions;
    stampConditions(request, old, context);
  },
  validate: validateRequest,
  validateStatusUpdate: validateSigning,
  subresources: {
    approval: {
      prepareForUpdate(request, old, context) {
        const conditions = request.status?.conditions;
        keepAllButStatus(request, old);
        request.status = { ...old.status };
        if (conditions === undefined) delete request.status.conditions;
        else request.status.conditions = conditions;
        stampConditions(request, old, context);
      },
      validateUpdate: validateApproval,
    },
  },
});

function stampConditions(
  { status }: CertificateSigningRequest,
  old: CertificateSigningRequest,
  { nowMs }: StrategyContext,
): void {
  const now = timestampOf(nowMs);
  for (const condition of status?.conditions ?? []) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= transitionTime(condition, old) ?? now;
  }
}

function transitionTime(
  { type, status }: CertificateSigningRequestCondition,
  old: CertificateSigningRequest,
): string | undefined {
  return old.status?.conditions?.find((one) => one.type === type && one.status === status)?.lastTransitionTime;
}
