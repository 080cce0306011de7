/** The part of the inspector's protocol that is in use, as this V8 speaks it. */
import type * as NodeInspector from 'node:inspector';

export interface Location {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** `embedderName` is there where a `//# sourceURL` comment overrides what the loader said. */
export type ScriptParsed = NodeInspector.Debugger.ScriptParsedEventDataType & {
  readonly embedderName?: string;
};

/** The part of the protocol in use. */
export interface Methods {
  'Runtime.evaluate': {
    params: NodeInspector.Runtime.EvaluateParameterType;
    result: NodeInspector.Runtime.EvaluateReturnType;
  };
  'Runtime.callFunctionOn': {
    params: NodeInspector.Runtime.CallFunctionOnParameterType;
    result: NodeInspector.Runtime.CallFunctionOnReturnType;
  };
  'Runtime.getProperties': {
    params: NodeInspector.Runtime.GetPropertiesParameterType;
    result: NodeInspector.Runtime.GetPropertiesReturnType;
  };
  'Runtime.releaseObjectGroup': {
    params: NodeInspector.Runtime.ReleaseObjectGroupParameterType;
    result: unknown;
  };
  'Debugger.enable': { params: object; result: unknown };
  'Debugger.disable': { params: undefined; result: unknown };
  'Debugger.getScriptSource': {
    params: NodeInspector.Debugger.GetScriptSourceParameterType;
    result: NodeInspector.Debugger.GetScriptSourceReturnType;
  };
}
