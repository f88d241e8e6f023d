/** Unfinished work without its issue is forgotten; with it, it is found. */
export const todoIssue = {
  meta: { type: 'problem', schema: [], messages: { issue: 'write TODO(#123) with the number of its issue' } },
  create(context) {
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          if (/\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/.test(comment.value)) {
            context.report({ loc: comment.loc, messageId: 'issue' });
          }
        }
      },
    };
  },
};
