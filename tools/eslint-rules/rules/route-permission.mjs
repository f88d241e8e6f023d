const routes = new Set(['Get', 'Post', 'Put', 'Patch', 'Delete', 'Sse', 'All']);
const declarations = new Set(['Permission', 'Public']);

function decoratorNames(node) {
  return (node.decorators ?? []).map(
    ({ expression }) => (expression.type === 'CallExpression' ? expression.callee : expression).name,
  );
}

/** A route without a written permission is a route whose access was never thought about. */
export const routePermission = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { missing: 'declare @Permission(…) or @Public() on this route or its controller' },
  },
  create(context) {
    return {
      MethodDefinition(node) {
        const names = decoratorNames(node);
        if (!names.some((name) => routes.has(name))) return;
        const declared = [...names, ...decoratorNames(node.parent.parent)].some((name) => declarations.has(name));
        if (!declared) context.report({ node: node.key, messageId: 'missing' });
      },
    };
  },
};
