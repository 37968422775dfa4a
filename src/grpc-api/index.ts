export { toGrpcFailure } from './grpc-status.ts';
export { addHealthService, type HealthService } from './health.ts';
export { addReflectionService } from './reflection.ts';
export { addResourceService } from './resource-service.ts';
