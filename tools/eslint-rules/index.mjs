import { fileNames } from './rules/file-names.mjs';
import { layerImports } from './rules/layer-imports.mjs';
import { routePermission } from './rules/route-permission.mjs';
import { todoIssue } from './rules/todo-issue.mjs';

/** The rules of docs/style.md that no published plugin knows. */
export const rules = {
  'file-names': fileNames,
  'layer-imports': layerImports,
  'route-permission': routePermission,
  'todo-issue': todoIssue,
};
