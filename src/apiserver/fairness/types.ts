/** The API's own types under the names that this folder uses. */
export type {
  FlowSchema,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject as FlowcontrolV1Subject,
} from '../../api/generated/types/flowcontrol-v1.ts';
