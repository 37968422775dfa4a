/** authentication.k8s.io/v1 TokenReview: whose token is this? */
import type { TokenReview } from '../../api/generated/types/authentication-v1.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { TokenError } from '../authentication/service-account-tokens.ts';
import { virtualKind } from './define-virtual.ts';
import type { VirtualResource } from './index.ts';

export const tokenReview: VirtualResource = {
  ...virtualKind('authentication.k8s.io', 'TokenReview', 'tokenreviews'),
  async answer(api, _context, body) {
    const review = api.decode(this, body) as KubernetesObject & TokenReview;
    const { token = '', audiences } = review.spec ?? {};
    if (token === '') throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
    return { ...review, metadata: {}, status: await statusOf(api, token, audiences?.length ? audiences : undefined) };
  },
};

async function statusOf(
  api: Parameters<VirtualResource['answer']>[0],
  token: string,
  audiences: readonly string[] | undefined,
): Promise<TokenReview['status']> {
  try {
    const { user, audiences: common } = await api.authenticator.authenticateToken(token, audiences);
    return {
      authenticated: true,
      user: {
        username: user.name,
        uid: user.uid,
        groups: [...user.groups],
        ...(user.extra && {
          extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])),
        }),
      },
      ...(common.length > 0 && { audiences: [...common] }),
    };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { authenticated: false, error: `[invalid bearer token, ${error.message}]` };
  }
}
