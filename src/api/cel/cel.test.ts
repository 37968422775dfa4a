import { describe, expect, it } from 'vitest';
import { CelEvaluationError, compile } from '../../lib/cel/index.ts';
import { dynType } from '../../lib/cel/types.ts';
import { type AuthorizerQuestion, AuthorizerValue, authorizerType, kubernetesEnvironment } from './index.ts';

const environment = kubernetesEnvironment({ x: dynType, authorizer: authorizerType });

describe("Kubernetes' libraries", () => {
  const cases: readonly [string, unknown][] = [
    ['quantity("1Gi").isGreaterThan(quantity("1G")) && isQuantity("50m") && !isQuantity("x")', true],
    [
      'quantity("1").add(quantity("500m")).compareTo(quantity("1500m")) == 0 && quantity("2").sub(1).asInteger() == 1',
      true,
    ],
    ['quantity("50M") == quantity("50000k")', true],
    ['"abc 123".find("[0-9]+") + "1a2b".findAll("[0-9]").join()', '12312'],
    ['"1a2b3".findAll("[0-9]", 2)', ['1', '2']],
    ['url("https://user@example.com:80/a/b?k=v&k=w").getHost() == "example.com:80"', true],
    ['url("https://example.com:80/a?k=v").getPort() + url("https://[::1]:80/a").getHostname()', '80::1'],
    ['url("https://e.com/a?k=v&k=w").getQuery()["k"]', ['v', 'w']],
    ['isURL("/absolute") && !isURL("../relative") && isURL("https://a:90/") && !isURL("https://a:b/")', true],
    ['ip("192.168.0.1").family() == 4 && ip("::1").isLoopback() && !isIP("1.2.3.256")', true],
    ['cidr("192.168.0.0/24").containsIP("192.168.0.7") && !cidr("10.0.0.0/8").containsIP(ip("11.0.0.1"))', true],
    [
      'cidr("192.168.0.0/16").containsCIDR("192.168.3.0/24") && cidr("192.168.1.5/24").masked() == cidr("192.168.1.0/24")',
      true,
    ],
    [
      'ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1") && string(ip("2001:0db8::1")) == "2001:db8::1"',
      true,
    ],
    ['isCIDR("10.0.0.0/8") && !isCIDR("10.0.0.0/33") && cidr("10.0.0.0/8").prefixLength() == 8', true],
    [
      'ip("169.254.1.1").isLinkLocalUnicast() && ip("224.0.0.5").isLinkLocalMulticast() && ip("8.8.8.8").isGlobalUnicast()',
      true,
    ],
    ['semver("1.2.3").isLessThan(semver("1.10.0")) && semver("1.0.0-rc.1").isLessThan(semver("1.0.0"))', true],
    ['semver("v1.2", true).minor() == 2 && isSemver("1.2.3+b") && !isSemver("v1.2")', true],
    ['!format.dns1123Label().validate("abc").hasValue() && format.dns1123Label().validate("A_").hasValue()', true],
    ['format.named("uuid").hasValue() && !format.named("nope").hasValue()', true],
    ['jsonpatch.escapeKey("a/b~c")', 'a~1b~0c'],
  ];
  for (const [expression, value] of cases) {
    it(expression, () => expect(compile(expression, environment).evaluate({})).toEqual(value));
  }

  it('what cannot be read is an error of the evaluation', () => {
    for (const text of [
      'quantity("x").sign()',
      'url("x y").getHost()',
      'ip("1.2.3").family()',
      'semver("1").major()',
    ]) {
      expect(() => compile(text, environment).evaluate({})).toThrow(CelEvaluationError);
    }
  });

  it('the authorizer is asked for what the expression puts together', () => {
    const asked: AuthorizerQuestion[] = [];
    const authorizer = new AuthorizerValue((question) => {
      asked.push(question);
      return { allowed: question.verb === 'get', reason: 'because', error: '' };
    });
    const expression =
      'authorizer.group("apps").resource("deployments").subresource("scale").namespace("ns").name("d").check("get").allowed()' +
      ' && authorizer.path("/healthz").check("put").reason() == "because"';
    expect(compile(expression, environment).evaluate({ authorizer })).toBe(true);
    expect(asked).toEqual([
      { group: 'apps', resource: 'deployments', subresource: 'scale', namespace: 'ns', name: 'd', verb: 'get' },
      { path: '/healthz', verb: 'put' },
    ]);
    const thrice = 'authorizer.path("/a").check("get").allowed() && '.repeat(3);
    expect(() => compile(`${thrice}true`, environment).evaluate({ authorizer })).toThrow('cost limit exceeded');
  });
});
