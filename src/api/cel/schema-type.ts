/** The types that expressions see of built-in kinds, from their schemas. */
import { celTypes } from '../../lib/cel/index.ts';
import { escapeName } from '../custom-resources/rules/escape.ts';
import { type Schema, type SchemaSet, specialTypes } from '../schema/schema.ts';

const { boolType, bytesType, doubleType, dynType, intType, listOf, mapOf, stringType, timestampType } = celTypes;
type CelType = celTypes.CelType;
type StructType = celTypes.StructType;

/** Of both a text and a number. */
const eitherWay = new Set<string>([specialTypes.quantity, specialTypes.intOrString]);
const times = new Set<string>([specialTypes.time, specialTypes.microTime]);

const known = new WeakMap<SchemaSet, Map<string, CelType>>();

/** Of a definition by its name. Undefined for one that is not known. */
export function typeOfDefinition(schemas: SchemaSet, name: string): CelType | undefined {
  const types = known.get(schemas) ?? new Map<string, CelType>();
  known.set(schemas, types);
  const found = types.get(name);
  if (found) return found;
  const schema = schemas.definitions.get(name);
  if (!schema) return undefined;
  const type = eitherWay.has(name) ? dynType : times.has(name) ? timestampType : typeOf(schemas, schema, name);
  types.set(name, type);
  return type;
}

function typeOf(schemas: SchemaSet, schema: Schema, name: string): CelType {
  if (schema.$ref !== undefined) return typeOfDefinition(schemas, schema.$ref) ?? dynType;
  switch (schema.type) {
    case 'boolean':
      return boolType;
    case 'integer':
      return intType;
    case 'number':
      return doubleType;
    case 'string':
      return schema.format === 'byte' ? bytesType : schema.format === 'date-time' ? timestampType : stringType;
    case 'array':
      return listOf(schema.items ? typeOf(schemas, schema.items, `${name}.@idx`) : dynType);
    default:
      return objectType(schemas, schema, name);
  }
}

function objectType(schemas: SchemaSet, { properties, additionalProperties }: Schema, name: string): CelType {
  if (additionalProperties) return mapOf(stringType, typeOf(schemas, additionalProperties, `${name}.@elem`));
  if (!properties) return dynType;
  let fields: StructType['fields'] | undefined;
  const make = () =>
    new Map(
      Object.entries(properties).flatMap(([jsonName, schema]) => {
        const own = escapeName(jsonName);
        return own === undefined ? [] : [[own, { type: typeOf(schemas, schema, `${name}.${jsonName}`), jsonName }]];
      }),
    );
  return {
    kind: 'struct',
    name,
    // Types refer to themselves.
    get fields() {
      fields ??= make();
      return fields;
    },
  };
}
