/** CEL as Kubernetes has it: the language in `src/lib/cel` with Kubernetes' libraries. */
import type { CelEnvironment, Library } from '../../lib/cel/index.ts';
import { addressLibrary } from './address.ts';
import { authorizerLibrary } from './authorizer.ts';
import { formatLibrary } from './format.ts';
import { quantityLibrary } from './quantity.ts';
import { regexLibrary } from './regex.ts';
import { semverLibrary } from './semver.ts';
import { urlLibrary } from './url.ts';

export {
  type AskAuthorizer,
  type AuthorizerAnswer,
  type AuthorizerQuestion,
  AuthorizerValue,
  authorizerType,
} from './authorizer.ts';

export const kubernetesLibraries: readonly Library[] = [
  regexLibrary,
  urlLibrary,
  quantityLibrary,
  addressLibrary,
  semverLibrary,
  formatLibrary,
  authorizerLibrary,
];

/** Units of cost. What one expression may use, and all those of one object together. */
export const perExpressionCostLimit = 1_000_000;
export const perObjectCostBudget = 10_000_000;

export function kubernetesEnvironment(
  variables: CelEnvironment['variables'],
  structs?: CelEnvironment['structs'],
): CelEnvironment {
  return { variables, libraries: kubernetesLibraries, structs };
}
