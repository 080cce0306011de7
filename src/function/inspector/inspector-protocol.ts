/** The part of the inspector's protocol that is in use, as this V8 speaks it. */
import type { Debugger, Runtime } from 'node:inspector';

export type Location = Debugger.Location & { readonly columnNumber: number };

/** `embedderName` is there where a `//# sourceURL` comment overrides what the loader said. */
export type ScriptParsed = Debugger.ScriptParsedEventDataType & { readonly embedderName?: string };

/** What goes with a method, and what it answers. */
export interface Methods {
  'Runtime.evaluate': [params: Runtime.EvaluateParameterType, result: Runtime.EvaluateReturnType];
  'Runtime.callFunctionOn': [
    params: Runtime.CallFunctionOnParameterType,
    result: Runtime.CallFunctionOnReturnType,
  ];
  'Runtime.getProperties': [
    params: Runtime.GetPropertiesParameterType,
    result: Runtime.GetPropertiesReturnType,
  ];
  'Runtime.releaseObjectGroup': [params: Runtime.ReleaseObjectGroupParameterType, result: unknown];
  'Debugger.enable': [params: object, result: unknown];
  'Debugger.disable': [params: undefined, result: unknown];
  'Debugger.getScriptSource': [
    params: Debugger.GetScriptSourceParameterType,
    result: Debugger.GetScriptSourceReturnType,
  ];
}
